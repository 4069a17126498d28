"""THE FLEET: runs customers' versions. Imports wistro, never hub; meets it on the wire (wistro.protocol.machine)."""
