#!/usr/bin/env python3
"""Writes small.rgs: a version 1 snapshot of our own making, 4 nodes, 3 channels, whole updates."""
import struct
import pathlib

def big(n): return bytes([n]) if n < 0xfd else b"\xfd" + struct.pack(">H", n)
chain = bytes.fromhex("6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000")
out = b"LDK\x01" + chain + struct.pack(">I", 1_770_000_000)
out += struct.pack(">I", 4) + b"".join(b"\x02" + bytes([7] * 31) + bytes([n]) for n in range(4))
out += struct.pack(">I", 3)
for delta, first, second in ((500, 0, 1), (1, 1, 2), (300, 0, 3)):
    out += struct.pack(">H", 0) + big(delta) + big(first) + big(second)
out += struct.pack(">I", 4) + struct.pack(">HQIIQ", 40, 1000, 1000, 250, 900_000_000)
out += big(500) + bytes([0])                                                  # channel 500, direction 0: defaults
out += big(0) + bytes([0b0101_0101]) + struct.pack(">HIQ", 80, 5, 500_000_000)  # its other direction: cltv, base, maximum
out += big(1) + bytes([0b0000_1000]) + struct.pack(">I", 77)                  # channel 501: ppm
out += big(300) + bytes([0b0000_0011])                                        # channel 801, direction 1: disabled
pathlib.Path(__file__).with_name("small.rgs").write_bytes(out)
