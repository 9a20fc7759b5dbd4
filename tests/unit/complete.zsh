#!/usr/bin/zsh -f
# SPDX-License-Identifier: LGPL-2.1-or-later
# What zsh offers for the last of the words of a line, "./tacit peers ''" without
# its quotes; one a line. Zsh completes on a terminal only, and gets one.
# usage: complete.zsh FOLDER-OF-_tacit LINE
home=$(mktemp -d) || exit 1
trap 'rm -rf $home' EXIT
print -r -- $2 >$home/line
cat >$home/.zshrc <<END
fpath=($1:A \$fpath)
autoload -Uz compinit && compinit -u -D
compadd() {
	local -a __hits
	builtin compadd -A __hits "\$@"
	(( \$#__hits == 0 )) || print -rl -- \$__hits >>$home/found
	builtin compadd "\$@"
}
offer() { _main_complete; echo >$home/end }
zle -C offer complete-word offer
zle-line-init() { BUFFER=\$(<$home/line); CURSOR=\$#BUFFER; zle offer }
zle -N zle-line-init
END
touch $home/found
zmodload zsh/zpty
zpty z "TERM=dumb ZDOTDIR=$home zsh -d -i"
for (( i = 0; i < 200; i++ )) {
	[[ ! -e $home/end ]] || break
	sleep 0.05
}
[[ -e $home/end ]] && sort -u $home/found
