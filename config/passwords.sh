#!/bin/sh
# Makes the passwords of NATS's users that config/kustomization.yaml reads, once; those that are there stay. Their folder is
# named for what kustomize says when it is missing. It is in .gitignore.
set -eu
umask 077
folder=$(dirname "$0")/run-sh-config-passwords.sh-first
mkdir -p "$folder"
for user in collector listings reader; do
	file=$folder/$user.env
	[ ! -e "$file" ] || continue
	# A letter first: nats-server reads a password from its environment as a word of its configuration, and 1e3 is a number.
	password=m$(od -An -N 20 -tx1 /dev/urandom | tr -d ' \n')
	printf 'username=%s\npassword=%s\n' "$user" "$password" >"$file.part"
	mv "$file.part" "$file"
done
echo "$folder" >&2
