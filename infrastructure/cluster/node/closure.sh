#!/bin/sh
# Usage: closure.sh FOLDER PROGRAM... - copies programs, and the libraries they are linked with, under FOLDER.
set -eu
folder=$1
shift
for program in "$@"; do
	path=$(readlink -f "$program")
	{ echo "$path"; ldd "$path" 2>/dev/null | grep -o '/[^ ]*' || true; } | while read -r file; do
		mkdir -p "$folder/$(dirname "$file")"
		cp -nL "$file" "$folder/$file"
	done
	[ -e "$folder/$program" ] || { mkdir -p "$folder/$(dirname "$program")" && ln -s "$path" "$folder/$program"; }
done
