"""The kernels, and what each side of the waist owes the other.

A kernel answers one question about raw buffers: is this column's structure sound (`columns`), what do these codes add
up to (`outcomes`), how do these numbers compare (`numbers`), which rows have this key (`keys`), and so on, a file a
question. It knows nothing of rules, and holds no Python object while it runs.

*The caller owes* a column whose structure was checked (`sources.arrow.check`), never a dictionary or a run-end
encoding (a dictionary is two columns: its indices and its values), and output arrays of the right type that are long
enough; it keeps every array in a named variable while a kernel reads it.

*The kernel owes* a code, a bit or a number for every row it was given; it reads nothing outside the buffers, reads
nothing under a null, loads through memcpy (a buffer may be misaligned), checks its 64-bit arithmetic, leaves no output
byte unwritten, allocates nothing, raises nothing, and runs without the GIL. The thin `def` around it checks its
arguments and raises.

Codes: 0 passed, 255 skipped, 254 left out by a filter, 1 to 253 the rule's own findings, in the order it lists them.
A set bit means failed.
"""
