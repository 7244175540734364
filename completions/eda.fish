complete --keep-order --exclusive --command eda --arguments "(COMPLETE=fish eda -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
