"""`diamant fit --data`: a model fitted to any table, in any number of groups, outside the pipeline.

options     how the command line writes them
request     what is asked, checked before Spark starts
table       what a table has to be, and what stops a fit, however it is read
in_process  a small table, read and fitted without Spark
on_spark    any other
disclosure  what of the fits may leave the house
results     the tables that are written: chosen errors, false discovery rate, pooled paths
output      CSV files and figures, whole or not at all
job         the steps in their order
"""
