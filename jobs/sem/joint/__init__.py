"""All groups fitted at once, the hypotheses that are tested on them, and the steps of invariance.

Here stand the columns of the tables it gives, so that its modules load where groups are fitted at once alone.
"""

HYPOTHESES = ["hypothesis", "error", "statistic", "df", "df_error", "pvalue", "detail"]
INVARIANCE = [
    *("model", "status", "chisq", "df", "pvalue", "cfi", "rmsea", "delta_chisq", "delta_df", "delta_pvalue"),
    *("delta_cfi", "verdict"),
]
