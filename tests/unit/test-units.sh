#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The sandboxes of the units are as tight as they are said to be, and what is for
# AppArmor and firewalld can be read by them.
set -u
top=${srcdir:-.}
failed=0
bad() {
	echo "FAILED: $*"
	failed=1
}

rated() { # UNIT TENTHS
	said=$(systemd-analyze security --offline=true --threshold="$2" \
		--no-pager "units/$1" 2>&1) && return
	echo "$said" | grep -v '^✓'
	bad "$1 is rated worse than $2 tenths"
}
version=$(systemd-analyze --version 2>/dev/null |
	sed -n '1s/^systemd \([0-9]*\).*/\1/p')
if [ "${version:-0}" -ge 252 ]; then
	rated tacit.service 13
	rated tacit-netd.service 18
	rated tacit@.service 54
	rated tacit-keyd.service 10
else
	echo "no systemd-analyze that can rate units"
fi

if command -v apparmor_parser >/dev/null; then
	for profile in "$top"/units/apparmor/*; do
		apparmor_parser -Q -K "$profile" || bad "$profile"
	done
fi

# As firewalld.service(5) has it.
python3 - "$top/units/tacit.firewalld.xml" <<END || bad "tacit.firewalld.xml"
import sys
import xml.etree.ElementTree as tree
service = tree.parse(sys.argv[1]).getroot()
assert service.tag == "service"
assert [e.tag for e in service[:2]] == ["short", "description"]
assert [(e.tag, e.attrib) for e in service[2:]] == [
    ("port", {"protocol": "udp", "port": "500"}),
    ("port", {"protocol": "udp", "port": "4500"}),
    ("protocol", {"value": "esp"})]
END
exit $failed
