"""What a collector does, part by part, without processes and servers of others."""
