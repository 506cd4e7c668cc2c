"""Debian's gst-rtsp-server playing one file, for test_rtsp_gst.py. Runs under the system's python3.

Arguments: FILE USER PASSWORD. Prints the port it listens on. Asks for Digest and nothing else.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  # versions come first


def main(path: str, user: str, password: str) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( filesrc location={path} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 )")
    structure = Gst.Structure.new_empty("viewer")
    structure.set_value("media.factory.access", True)
    structure.set_value("media.factory.construct", True)
    factory.add_role_from_structure(structure)
    server.get_mount_points().add_factory("/day", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)  # noqa: T201  # the test reads it
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
