#!/bin/bash
# SPDX-License-Identifier: MIT
# document.sh -- print docs/conformance.md, made from the tests and from ancestors.txt.
#
#     tests/conformance/document.sh >docs/conformance.md
#     tests/conformance/document.sh --check     compare, print nothing but what is wrong
#
# Ends with 1 if a required id has no test, if a scenario of the ancestors is neither
# named by a test nor explained, if a test names one that there is not, or (--check) if
# the document is not what would be printed.
set -eu
cd "$(dirname "$0")/../.."

required=(K{1..18} K21 K22 K24 K25 K28 F{1..19} F{21..23} N{1..8} N10 N14 N15 N{17..22}
    N{24..32})

make() {
    perl - "${required[*]}" tests/conformance/ancestors.txt \
        tests/conformance/[a-z]_*.c tests/conformance/seed_*.c tests/conformance/[a-z]_*.sh <<'EOS'
use strict;
use warnings;

my ($required, $list, @files) = @ARGV;
my (%tests, %covered, %where, @ids, @wrong);

sub take {
    my ($file, $id, $name, $covers) = @_;
    $id =~ s/_/-/;
    (my $words = $name) =~ tr/_/ /;
    push @ids, $id unless $tests{$id};
    $where{$id}{$file} = 1;
    push @{ $tests{$id} }, $words;
    $covers =~ s/\s*\n[ *#]*/ /g;
    for my $what (grep { length } map { s/^\s+|\s+$//gr } split /,/, $covers) {
        push @{ $covered{$what} }, [ $id, $words ];
    }
}

for my $file (grep { -e } @files) {
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    my $text = <$in>;
    (my $short = $file) =~ s{.*/}{};
    if ($file =~ /\.sh$/) {
        take($short, $1, $2, $3 // '')
            while $text =~ /^# Test\((\w+), (\w+)\)(?:\n# covers: ([^\n]*(?:\n#  [^\n]*)*))?/mg;
        next;
    }
    my $covers = '';
    while ($text =~ m{/\*(.*?)\*/|^Test\(\s*(\w+)\s*,\s*(\w+)|^(\})}msg) {
        if (defined $2) {
            take($short, $2, $3, $covers);
            $covers = '';
        } elsif (defined $4) {
            $covers = '';
        } elsif ((my $body = $1) =~ s/^\s*covers://) {
            $covers = $body;
        }
    }
}

sub by_id {
    my ($x, $y) = @_;
    my ($p, $m) = $x =~ /^(\w+?)-?(\d+)$/;
    my ($q, $n) = $y =~ /^(\w+?)-?(\d+)$/;
    my %rank = (K => 0, F => 1, N => 2, SEED => 3);
    return ($rank{$p} // 9) <=> ($rank{$q} // 9) || $m <=> $n;
}

sub answers {
    my %seen;
    return join '; ', map { "$_->[0] $_->[1]" } grep { !$seen{"@$_"}++ } @{ $_[0] };
}

print <<'END';
# Conformance

Made by `tests/conformance/document.sh` from the tests; do not edit it.  What must hold is
a list of ids: K (kept from the ancestors), F (mended), N (new), SEED (what the post that
began it all complains of or asks for).  `tests/run.sh` says for each of them if it holds.

## The tests by id

| id | file | asserts |
| --- | --- | --- |
END
for my $id (sort { by_id($a, $b) } @ids) {
    printf "| %s | %s | %s |\n", $id, join(', ', map { "`$_`" } sort keys %{ $where{$id} }),
        join '; ', @{ $tests{$id} };
}
for my $id (split ' ', $required) {
    push @wrong, "$id has no test" unless $tests{$id};
}

print <<'END';

## The ancestors' own tests

Two libraries came before: Twisted's tubes and Async's Pipe.  Each of their tests, in our
words, and the test here that stands for it.
END
my (%known, $last, %count);
open my $in, '<', $list or die "$list: $!\n";
while (<$in>) {
    chomp;
    next if /^#/ || /^$/;
    if (/^== (.*)/) {
        print "\n### $1\n\n| test | asserts | here |\n| --- | --- | --- |\n";
        next;
    }
    my ($name, $words, $why) = split / \| /;
    my $has = $covered{$name};
    $known{$name} = 1;
    if ($name =~ /^SEED-/ && $tests{$name}) {
        $has = [ map { [ $name, $_ ] } @{ $tests{$name} } ];
    }
    $last = $why if defined $why && $why ne 'as above';
    push @wrong, "$name: neither covered nor explained" unless $has || defined $why;
    $count{$has ? 'covered' : 'explained'}++;
    printf "| %s | %s | %s |\n", $name, $words,
        $has ? answers($has) . (defined $why ? "; in part: $last" : '')
             : 'none: ' . (defined $why ? $last : '?');
}
printf "\n%d are covered, %d have no counterpart.\n", $count{covered} // 0,
    $count{explained} // 0;

print <<'END';

## Behaviours of the ancestors that the tests name

| behaviour | here |
| --- | --- |
END
sub family { return $_[0] =~ /^([A-Z]+)-(\d+)$/ ? ($1, $2) : ('', 0) }
for my $what (sort { my ($p, $m) = family($a); my ($q, $n) = family($b);
                     $p cmp $q || $m <=> $n } keys %covered) {
    if ($what =~ /^[A-Z]+-\d+$/) {
        print "| $what | ", answers($covered{$what}), " |\n" unless $what =~ /^SEED-/;
    } elsif (!$known{$what}) {
        push @wrong, "$what: named by $covered{$what}[0][0], but not in ancestors.txt";
    }
}
print STDERR "conformance: $_\n" for @wrong;
exit(@wrong ? 1 : 0);
EOS
}

if [ "${1:-}" = --check ]; then
    out=$(mktemp)
    trap 'rm -f "$out"' EXIT
    make >"$out"
    if ! diff -q "$out" docs/conformance.md >/dev/null; then
        echo "conformance: docs/conformance.md is out of date, make it anew" >&2
        exit 1
    fi
else
    make
fi
