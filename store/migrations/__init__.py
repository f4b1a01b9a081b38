"""Alembic's folder: one set of migrations for both databases."""
