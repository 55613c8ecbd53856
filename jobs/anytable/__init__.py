"""`diamant fit --data`: a model fitted to any table, in any number of groups, outside the pipeline.

options   how the command line writes them
request   what is asked, checked before Spark starts
source    the table as a Spark frame of numbers and labels, or one sentence on why not
fits      the fits: few groups on the driver, with their differences; many on the executors
joint     several groups at once, with equal parameters and tests on them
results   the tables that are written: chosen errors, false discovery rate, pooled paths
output    CSV files and figures, whole or not at all
job       the steps in their order
"""
