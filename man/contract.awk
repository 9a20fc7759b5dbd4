# SPDX-License-Identifier: LGPL-2.1-or-later
# org.tacit.Agent1(5) from the contracts in dbus/: headings, paragraphs, tables
# (of two or three columns, whose first one is a name), lists and indented code.

function text(s,    out, at, code) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	gsub(/\*\*/, "`", s)
	out = ""
	code = 0
	while ((at = index(s, "`")) > 0) {
		out = out substr(s, 1, at - 1) (code ? "\\fP" : "\\fB")
		s = substr(s, at + 1)
		code = !code
	}
	out = out s
	return out ~ /^[.']/ ? "\\&" out : out
}

function cell(s) {
	gsub(/^ +| +$/, "", s)
	return text(s)
}

function close_code() {
	if (in_code)
		print ".fi\n.RE"
	in_code = 0
}

# What follows belongs to the heading, or is a paragraph of its own.
function paragraph() {
	if (pending == "paragraph")
		print ".PP"
	pending = ""
}

BEGIN {
	print ".\\\" Made by man/contract.awk: change dbus/*.md instead."
	print ".TH ORG.TACIT.AGENT1 5 \"\" \"Tacit\" \"D-Bus Interfaces\""
	print ".SH NAME"
	print "org.tacit.Agent1 \\- D\\-Bus interface of the opportunistic\\-encryption agent"
}

FNR == 1 { rows = 0 }

/^```/ { next }

/^# / {
	close_code()
	if (++files == 1)
		print ".SH DESCRIPTION"
	else
		print ".SH INTERFACE " text(toupper(substr($0, 3)))
	pending = ""
	said = 0
	next
}

/^## / {
	close_code()
	print ".SH " text(toupper(substr($0, 4)))
	pending = ""
	said = 0
	next
}

/^### / {
	close_code()
	print ".SS " text(substr($0, 5))
	pending = ""
	said = 0
	next
}

# The line under the heads of a table: what was above it are the heads.
/^\|[-|]*$/ { rows = 1; next }

/^\|/ {
	if (!rows)
		next
	n = split($0, cells, "|")
	print ".TP"
	if (n > 4) {
		print "\\fB" cell(cells[2]) "\\fP (" cell(cells[3]) ")"
		s = cell(cells[4])
	} else {
		print "\\fB" cell(cells[2]) "\\fP"
		s = cell(cells[3])
	}
	print s == "" ? "\\&" : s
	pending = "paragraph"
	next
}

/^    / {
	paragraph()
	if (!in_code)
		print ".RS\n.nf"
	in_code = 1
	print text(substr($0, 5))
	next
}

/^$/ {
	rows = 0
	close_code()
	if (pending != "" || said)
		pending = "paragraph"
	said = 0
	next
}

{
	close_code()
	paragraph()
	print text($0)
	said = 1
}

END {
	close_code()
	print ".SH SEE ALSO"
	print ".BR tacit (1),\n.BR tacitd (8),\n.BR busctl (1),\n.BR dbus\\-send (1),\n.BR sd\\-bus (3)"
}
