"""The deterministic simulator: virtual time, seeded schedules, replay."""
