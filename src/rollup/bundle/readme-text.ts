/** What a bundle says of itself to whoever opens it. Part of what is sealed, so it never names a run. Raises nothing. */

export const README_TEXT = `A SEALED RUN OF TIEOUT (tieout-bundle/1)

This archive holds one calculation of a report, with everything that is needed to repeat it without the
database and without the product that made it.

  run.json        the run: who made it, when, from which versions; digests, tie-out and findings
  structure.csv   the hierarchy: node_id, parent_node_id, node_name and its own bindings
  use-case.yaml   the report as people read it: measures, drivers, rules
  use-case.json   the same for programs: predicates as trees, formulas as lists of steps
  facts.csv       every fact the run looked at, in order of arrival, with the columns that were read;
                  an empty field is a missing value, two quotes are an empty text
  adjustments.json  corrections of facts that were in force, in their order, and what each did; only in runs with any
  results.csv     every figure: natural, direct, adjusted, plug and number of facts, by node, measure, scenario
  manifest.json   each file with its size and SHA-256, and the seal over all of them

HOW TO VERIFY IT

Take verify-bundle.mjs (one file, no dependencies, in the folder offline of Tieout) and Node 20 or newer:

  node verify-bundle.mjs THIS-FILE.zip
  node verify-bundle.mjs THIS-FILE.zip --seal sha256:...   (a seal that was noted when the run was signed off)

It checks every byte against the manifest, then works out every figure again from the facts and the rules and
compares. The program shares no code with Tieout and is short enough to be read.

The checks show that the archive fits together: the figures follow from these facts by these rules. That it is
the archive that was sealed, and not another one that fits together as well, is shown only by a seal noted
somewhere else.

The texts are exact. A spreadsheet may run a text that begins with = + - or @ as a formula; open the CSV files
as text.
`
