"""Formats by the ending of their files; text of any ending is not named here."""

BY_ENDING = {
    **dict.fromkeys(("xlsx", "xlsm", "xlsb", "xls", "ods"), "excel"),
    **{"dta": "stata", "sav": "spss", "zsav": "spss", "por": "spss", "sas7bdat": "sas", "xpt": "sas"},
    "parquet": "parquet",
}
