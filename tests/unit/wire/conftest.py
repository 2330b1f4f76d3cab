"""Properties are judged by what holds, never by how long a busy machine takes."""

from hypothesis import HealthCheck, settings

settings.register_profile("metdc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("metdc")
