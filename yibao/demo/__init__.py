"""`yibao demo`: a whole simulated counter as separate processes, telling its stories and checking how each one ended.

`main` is the command, `stage` the processes, `tales` the stories, `facts` and `checks` what three separate books say
about a sale and whether they agree, `report` the file of `--json`, `narration` the words on the screen.
"""
