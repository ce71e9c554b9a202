"""How a TFRecord file frames its records: known once to those who read it and who write it.

A frame is the data's length (uint64, little-endian), the masked CRC-32C of the length, the data,
and the masked CRC-32C of the data.
"""

LENGTH_BYTES, CHECKSUM_BYTES = 8, 4
HEAD_BYTES = LENGTH_BYTES + CHECKSUM_BYTES
FRAME_BYTES = HEAD_BYTES + CHECKSUM_BYTES
# A mask is a rotation by 15 bits to the right and this sum, modulo 2**32.
MASK_DELTA = 0xA282EAD8
