"""Settings of a small project whose staging is a remote cluster: SERVER and UID are filled in by who plays that cluster."""

UID = "5e5a5c0e-0000-4000-8000-0242ac120002"
SETTINGS = """
[project]
name = "shop"
source = "https://example.com/shop"
[registry]
repository = "registry.example.com/shop"
[bases.python]
suite = "trixie"
kind = "runtime"
packages = ["python3-minimal"]
[services.web]
dockerfile = "web.Dockerfile"
context = "web"
bases = ["python"]
[environments.staging]
namespace = "shop-staging"
overlay = "k8s"
remote = { context = "here", server = "SERVER", uid = "UID" }
"""
