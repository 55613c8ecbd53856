"""`diamant describe FILE`: what a file is, and a draft of the files that read it. The first thing to do.

guess    format, encoding, separator, decimal mark, where the table begins
columns  what each column holds, without any value that few rows share
tables   whether it is an input-output table, and how it is laid out
draft    a wave map, classifications, a model and a run file to start from
job      the steps in their order
output   what the command prints
"""
