"""The subjects: each a file that opens a database for the works of ``works.py``."""
