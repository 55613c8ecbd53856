# lavaan's side of the whole command: Rscript shell.R FOLDER reads firms.csv, fits shell.lav and prints the estimates.
library(lavaan)
folder <- commandArgs(trailingOnly = TRUE)[1]
firms <- read.csv(file.path(folder, "firms.csv"))
model <- paste(readLines(file.path(folder, "shell.lav")), collapse = "\n")
print(parameterEstimates(sem(model, firms)))
