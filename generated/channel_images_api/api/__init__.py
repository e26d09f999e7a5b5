# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""One package a tag."""
