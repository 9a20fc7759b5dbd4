#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is written about the interfaces names everything that the code has, and
# nothing that it has not: keys of the configuration, members of the bus, exit
# codes, options and commands.
set -u
top=${srcdir:-.}
# A file, since much of this runs in subshells.
failed=failed.$$
trap 'rm -f "$failed"' EXIT

bad() {
	echo "FAILED: $*"
	: >"$failed"
}

# WHAT FILE: the words on standard input must all be in the file.
all_in() {
	while read -r word; do
		[ -n "$word" ] || continue
		sed 's/\\-/-/g' "$top/$2" | grep -qwF -e "$word" ||
			bad "$1 $word is not in $2"
	done
}

# The words of FILE that match, once each.
words() { # EXPRESSION FILE...
	expression=$1
	shift
	sed -n "s/$expression/\\1/p" "$@" | sort -u
}

keys() { # SECTION FILE
	words ".*{ \"$1\", \"\\([A-Za-z]*\\)\",.*" "$top/$2"
}

for section in Agent IKE Hold Authentication; do
	keys $section policy/config.c >keys.$$
	[ -s keys.$$ ] || bad "no keys of [$section] in policy/config.c"
	all_in "key" man/tacit.conf.5 <keys.$$
	all_in "key" policy/examples/tacit.conf <keys.$$
	rm -f keys.$$
done
keys Policy policy/config-policy.c | all_in "key" man/tacit-policy.5
keys Peer policy/config-peer.c | all_in "key" man/tacit-keys.5

# The other way round: what the manual has as a key, the code has.
for page in tacit.conf tacit-policy tacit-keys; do
	grep '^\.BR.*=$' "$top/man/$page.5" | grep -o '[A-Z][A-Za-z]*' |
		sort -u | while read -r key; do
		[ "$key" = BR ] ||
			grep -qE "\"[A-Z][A-Za-z]*\", \"$key\"" \
				"$top"/policy/config.c "$top"/policy/config-policy.c \
				"$top"/policy/config-peer.c ||
			echo "key $key of $page(5) is not in the code"
	done >extra.$$
	[ ! -s extra.$$ ] || bad "$(cat extra.$$)"
	rm -f extra.$$
done

# The bus: methods, signals, properties, dictionary keys, errors.
members=$(cat "$top"/dbus/*-dbus.c | tr -d '\n\t' |
		grep -o '_WITH_ARGS("[A-Za-z]*"' | cut -d'"' -f2
	sed -n 's/.*FIELD("\([A-Za-z]*\)".*/\1/p' "$top/dbus/host-dbus.c"
	sed -n 's/.*entry_[a-z]*(m, "\([A-Za-z]*\)".*/\1/p; s/.*{ "\([A-Za-z]*\)", *$/\1/p; s/.*{ "\([A-Za-z]*\)", [a-z].*/\1/p' \
		"$top/dbus/marshal.c" "$top"/dbus/*-dbus.c
	sed -n 's/.*"\.Error\.\([A-Za-z]*\)".*/\1/p' "$top/dbus/names.h")
[ "$(echo "$members" | wc -w)" -ge 38 ] || bad "too few members found"
echo "$members" | all_in "member" dbus/org.tacit.Agent1.md

# The contract of each method ends with its errors, and that of a method that is
# not for everybody has the action that polkit is asked about.
contract=$top/dbus/org.tacit.Agent1.md
silent=$(awk '/^##/ { if (open) print name; open = 0; name = $2 }
	/^## / { methods = $2 == "Methods" }
	/^### / { open = methods }
	/^Errors: |\. Errors: / { open = 0 }
	END { if (open) print name }' "$contract")
[ -z "$silent" ] || bad "no errors in the contract of $silent"
guarded=$(sed -n 's/.*caller_may(.*DBUS_ACTION_[A-Z]*, \([a-z_]*\),.*/\1/p' \
	"$top"/dbus/*-dbus.c | sed -E 's/_peer$//; s/(^|_)([a-z])/\U\2/g')
[ "$(echo "$guarded" | wc -w)" -ge 8 ] || bad "too few guarded methods found"
for method in $guarded; do
	grep -q "^| .org\.tacit\.Agent1\..*.$method[\`]" "$contract" ||
		bad "$method has no action in the contract"
done

# The command line.
commands=$(sed -n 's/^	{ "\([a-z -]*\)", ".*/\1/p' "$top/dbus/tacit.c" | tr ' ' '\n')
[ "$(echo "$commands" | wc -w)" -ge 7 ] || bad "the commands of tacit are not found"
options=$(sed -n 's/.*{ "\([a-z-]*\)", [a-z]*_argument.*/--\1/p' \
	"$top/dbus/tacit.c" | grep -v colour)
[ "$(echo "$options" | wc -w)" -ge 5 ] || bad "the options of tacit are not found"
echo "$commands" | all_in "command" man/tacit.1
for file in man/tacit.1 dbus/completion/_tacit; do
	echo "$options" | grep -v commands | all_in "option" $file
done
sed -n 's/.*EXIT_\(OK\|FAILED\|USAGE\|NOT_RUNNING\|NO_PEER\|TIMED_OUT\|NOT_ENCRYPTED\|NO_PRIVILEGE\|BAD_CONFIG\|DNS_[A-Z]*\|NO_HOST\|UPDATE_[A-Z]*\|FOREIGN_KEYS\) = \([0-9]*\).*/.B \2/p' \
	"$top/util/exitcode.h" | all_in "exit code" man/tacit.1

# Pages without a mistake that groff or mandoc sees. They bear no date, which
# would soon be wrong.
for page in "$top"/man/*.[0-9] man/org.tacit.Agent1.5; do
	said=
	! command -v groff >/dev/null ||
		said=$(groff -ww -man -t -Tutf8 -z "$page" 2>&1)
	! command -v mandoc >/dev/null ||
		said=$said$(mandoc -T lint -W warning "$page" 2>&1 |
			grep -v 'missing date')
	[ -z "$said" ] || bad "$said"
	# man(1) runs tbl only where the first line says so.
	! grep -q '^\.TS' "$page" || sed 1q "$page" | grep -qx "'\\\\\" t" ||
		bad "$page has a table, and its first line is not '\\\" t"
done

# The examples of a configuration, which are one when they are put together.
example=example.$$
mkdir -p "$example/tacit.conf.d" "$example/policy.d" "$example/pool.d" \
	"$example/keys.d"
for page in tacit.conf tacit-policy tacit-keys; do
	sed '1,/^\.SH EXAMPLE/d; s/\\-/-/g' "$top/man/$page.5" |
		awk -v dir="$example" -v page="$page" '
			BEGIN {
				in_dir["[Policy]"] = "policy.d"
				in_dir["[Pool]"] = "pool.d"
				in_dir["[Peer]"] = "keys.d"
			}
			/^\.nf/ { on = 1; text = section = ""; next }
			/^\.fi/ {
				on = 0
				place = section in in_dir ? in_dir[section] : "tacit.conf.d"
				name = section == "[Pool]" ? "default" : page n++
				print text > (dir "/" place "/" name ".conf")
			}
			on { text = text $0 "\n" }
			on && /^\[/ { section = $0 }'
done
[ "$(find "$example" -name '*.conf' | wc -l)" -ge 7 ] || bad "too few examples found"
if [ -x ./tacit ]; then
	said=$(./tacit check-config "$example" 2>&1) || bad "examples: $said"
fi
rm -rf "$example"

# bash completion, which asks the program.
complete_words() { # WORD... (the last one is being written)
	TACIT_SOCKET=/nonexistent bash -c '. "$0/dbus/completion/tacit"
		COMP_WORDS=(./tacit "$@") COMP_CWORD=$#
		_tacit
		echo "${COMPREPLY[*]}"' "$top" "$@"
}
expect() { # WANTED WORD...
	want=$1
	shift
	got=$(complete_words "$@")
	[ "$got" = "$want" ] || bad "completion of tacit $*: $got, not $want"
}
if command -v bash >/dev/null && [ -x ./tacit ]; then
	all=$(./tacit --commands | cut -f1 | cut -d' ' -f1 | sort -u | xargs)
	expect "$all" ''
	expect 'policy' po
	expect 'peers' --json pe
	expect 'list' policy l
	expect 'list show test' policy ''
	expect './tests' policy test 10.0.0.1 ./tests
	expect 'show' key s
	expect 'rotate' key r
	expect '--cancel' key rotate --c
	expect '--zone-file' key dns --z
	expect '--server' key publish --serv
	expect '' key show --c
	expect './tests' policy list ./tests
	expect '' status ''
	expect '--json' --j
	expect 'status' --socket /nonexistent stat
	expect 'warning' debug w
	expect 'all' capture a
	expect '--output' capture --o
	expect './tests' check-config ./tests
else
	bad "there is no bash, or no ./tacit"
fi

# zsh completion.
offers() { # WANTED LINE
	got=$(zsh -f "$top/tests/unit/complete.zsh" "$top/dbus/completion" \
		"./tacit $2" | xargs)
	[ "$got" = "$1" ] || bad "zsh's completion of tacit $2: $got, not $1"
}
if ! command -v zsh >/dev/null; then
	echo "there is no zsh to complete with"
elif [ -x ./tacit ]; then
	offers "$all" ''
	offers 'list show test' '--json policy '
	offers 'rotate' 'key ro'
	offers 'warning' 'debug w'
	offers 'all' 'capture a'
	offers '--cancel' 'key rotate --c'
	offers '' 'status nonsense '
fi

[ ! -e "$failed" ] || exit 1
echo "ok: manual pages, contract and completions"
