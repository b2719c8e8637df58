"""The program that renders one app; the embedded engine alone runs it."""

from bedplate.deploy.registering import register

register()
