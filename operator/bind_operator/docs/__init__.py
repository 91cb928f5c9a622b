"""Manifests and reference pages are made from the models here."""
