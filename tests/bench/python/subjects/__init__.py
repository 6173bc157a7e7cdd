"""The subjects: each file opens a database for the works in ``works.py``."""
