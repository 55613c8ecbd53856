# lavaan's side of bench/lavaan: Rscript time.R FOLDER TASK prints the processor seconds of one run of the task.
suppressMessages(library(lavaan))
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
task <- arguments[2]
model <- paste(readLines(file.path(folder, "model.txt"), warn = FALSE), collapse = "\n")
read <- function(name) read.csv(file.path(folder, paste0(name, ".csv")))
complete <- read("complete")
incomplete <- read("incomplete")
ordered <- read("ordered")
items <- names(ordered)[grepl("^[eirbn][0-9]$", names(ordered))][1:10]
replicates <- 50  # lavaan's time is proportional to them; multiplied up to 1,000

run <- function() switch(task,
  point = sem(model, complete, se = "none", test = "none", baseline = FALSE, h1 = FALSE),
  fit = sem(model, complete),
  cluster = sem(model, complete, cluster = "cell", sampling.weights = "weight", estimator = "MLR"),
  fiml = sem(model, incomplete, missing = "fiml", fixed.x = TRUE),
  bootstrap = {
    cells <- split(seq_len(nrow(complete)), complete$cell)
    start <- sem(model, complete, se = "none", test = "none", baseline = FALSE, h1 = FALSE)
    set.seed(1)
    for (replicate in seq_len(replicates)) {
      rows <- unlist(cells[sample(length(cells), replace = TRUE)], use.names = FALSE)
      sem(model, complete[rows, ], se = "none", test = "none", baseline = FALSE, h1 = FALSE,
          start = start, check.start = FALSE, check.post = FALSE, check.vcov = FALSE)
    }
  },
  bootstrap_cases = bootstrapLavaan(sem(model, complete, se = "none", test = "none"), R = replicates),
  dwls = sem(model, ordered, ordered = items))
run_quietly <- function() suppressWarnings(run())
if (task %in% c("point", "fit")) run_quietly()  # once to warm up
seconds <- sum(system.time(run_quietly())[c("user.self", "sys.self")])
if (startsWith(task, "bootstrap")) seconds <- seconds * 1000 / replicates
cat(seconds, "\n")
