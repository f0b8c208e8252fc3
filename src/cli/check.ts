import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Bounds, most } from '../checker/bounds.ts'
import { type CheckReport, check } from '../checker/check.ts'
import { countedIn, differences } from '../checker/counts.ts'
import { type Counted, lock, type NamedBounds, namedBounds } from '../checker/named-bounds.ts'
import type { SearchStats } from '../checker/search.ts'
import { type WitnessName, witnesses } from '../checker/witnesses.ts'
import { exitCodes, Failure, wrongUse } from './exit-codes.ts'
import { jsonOption, wholeNumber } from './options.ts'
import { print, printJson } from './output.ts'
import { playgroundLink } from './transcript.ts'

const defaultName = 'single'

interface CheckFlags {
  readonly bounds?: readonly NamedBounds[]
  readonly servers?: number
  readonly proposers?: number
  readonly ballots?: number
  readonly instances?: number
  readonly crashes?: number
  readonly syncs?: Bounds['syncs']
  readonly states?: number
  readonly witness?: string
  readonly json?: boolean
}

/** A planned search. */
interface Search {
  readonly name: string
  readonly about: string
  readonly bounds: Bounds
  readonly reaches: readonly WitnessName[]
  /** The recorded counts of an earlier search; `null` for the user's own bounds. */
  readonly counted: Counted | null
}

export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('search every schedule of a small cluster, and show the shortest that breaks an invariant')
    .option('--bounds <names>', 'the bounds to search, as A,B,C; or all', parseNames)
    .option('--servers <n>', 'bounds of your own: servers', wholeNumber(1, most.servers))
    .option(
      '--proposers <n>',
      'servers that receive a lock request, each from its own client',
      wholeNumber(1, most.servers),
    )
    .option('--ballots <n>', 'ballots of each proposer', wholeNumber(1, 1_000))
    .option('--instances <n>', 'instances', wholeNumber(1, 1_000))
    .option('--crashes <n>', 'crashes, of any servers', wholeNumber(0, most.crashes))
    .addOption(new Option('--syncs <when>', 'when a sync ends').choices(['atOnce', 'anyTime']))
    .option('--states <n>', 'stop after this many states', wholeNumber(1, 1_000_000_000))
    .addOption(
      new Option('--witness <name>', 'print the shortest schedule that reaches this witness').choices(
        witnesses.map(({ name }) => name),
      ),
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
In every search, a datagram may be lost, duplicated or reordered, a timer may fire at any moment, and a client may ask
again. None of these is bounded. A crashed server may start again at any moment. Its disk then holds any first part of
its unsynced writes.

Bounds:
${namedBounds.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}
Without a name and without bounds of your own: ${defaultName}.

Witnesses:
${witnesses.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}

Exits with 0 when every schedule was tried, no invariant broke, and a schedule reached the --witness, if given. Otherwise prints the
shortest schedule that breaks an invariant, which paxos transcript can run again, and exits with 1.`,
    )
    .action(checkAll)
}

function parseNames(value: string): readonly NamedBounds[] {
  if (value === 'all') return namedBounds
  return value.split(',').map((name) => {
    const found = namedBounds.find((bounds) => bounds.name === name)
    if (found !== undefined) return found
    const known = namedBounds.map((bounds) => bounds.name).join(', ')
    throw new InvalidArgumentError(`There are no bounds '${name}'. Give some of ${known}, or all.`)
  })
}

async function checkAll(flags: CheckFlags): Promise<void> {
  const { json, states, witness } = flags
  const searched = searchesOf(flags)
  let isWitnessed = witness === undefined
  for (const { name, about, bounds, reaches, counted } of searched) {
    if (json !== true) print(`${name}: ${about}`)
    const progress = json === true ? () => undefined : progressPrinter()
    const report = checkWithin({
      bounds,
      reaches,
      progress,
      ...(states === undefined ? {} : { mostStates: states }),
    })
    if (json === true) printJson({ name, bounds, ...report })
    else {
      for (const line of reportLines(report, witness)) print(line)
      for (const line of await linkLines(report)) print(line)
    }
    if (report.verdict !== 'holds') throw new Failure(`${name}: ${complaintOf(report)}`, exitCodes.failed)
    const differing = counted === null ? [] : differences(counted, countedIn(report))
    if (differing.length > 0) {
      throw new Failure(
        `${name}: nothing broke, and the search found ${differing.join(', ')}: a rule has changed since ` +
          'src/checker/named-bounds.ts recorded what it finds. Where that is right, record what it finds now',
        exitCodes.failed,
      )
    }
    isWitnessed ||= report.reached.some((reached) => reached.name === witness)
  }
  if (isWitnessed) return
  const names = searched.map(({ name }) => name).join(', ')
  throw new Failure(`${names}: no schedule reaches ${witness}`)
}

function checkWithin(options: Parameters<typeof check>[0]): CheckReport {
  try {
    return check(options)
  } catch (error) {
    if (error instanceof RangeError) throw wrongUse(error.message)
    throw error
  }
}

function searchesOf(flags: CheckFlags): readonly Search[] {
  const { servers, proposers, ballots, instances, crashes, syncs } = flags
  const own = [servers, proposers, ballots, instances, crashes, syncs]
  if (own.every((flag) => flag === undefined)) {
    const named = flags.bounds ?? namedBounds.filter(({ name }) => name === defaultName)
    return named
  }
  if (flags.bounds !== undefined) throw wrongUse('give either --bounds or bounds of your own')
  const count = servers ?? 3
  const asked = proposers ?? Math.min(2, count)
  if (asked > count) throw wrongUse(`proposers is ${asked}: there are ${count} servers`)
  const clients = Array.from({ length: asked }, (_, id) => lock(String.fromCharCode(97 + id), [id]))
  const bounds: Bounds = {
    servers: count,
    joining: 0,
    requests: clients,
    rounds: ballots ?? 2,
    instances: instances ?? 1,
    crashes: crashes ?? 0,
    crashing: Array.from({ length: crashes === undefined || crashes === 0 ? 0 : count }, (_, id) => id),
    syncs: syncs ?? 'atOnce',
    handsOver: false,
  }
  const about =
    `${count} servers, ${asked} of them proposers with ${bounds.rounds} ballots each, ` +
    `${bounds.instances} instances, ${bounds.crashes} crashes, syncs ${bounds.syncs}`
  return [{ name: 'your bounds', about, bounds, reaches: ['chosen'], counted: null }]
}

/** Prints a line every few seconds of real time. */
function progressPrinter(): (stats: SearchStats) => void {
  const everyMs = 2_000
  const beganMs = performance.now()
  let printedMs = beganMs
  return (stats) => {
    const nowMs = performance.now()
    if (nowMs - printedMs < everyMs && stats.expanded < stats.states) return
    printedMs = nowMs
    const { states, expanded, transitions, depth } = stats
    const aSecond = Math.round(states / ((nowMs - beganMs) / 1_000))
    const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20)
    print(
      `  ${states} states, ${expanded} of them done, ${transitions} transitions, depth ${depth}, ` +
        `${aSecond} states/s, ${megabytes} MiB`,
    )
  }
}

/** The lines of a report. `witness` is the name of the witness whose schedule is printed. */
export function reportLines(
  { verdict, stats, judged, broken, reached, missing }: CheckReport,
  witness?: string,
): string[] {
  const lines = [`  judged at every state: the invariants ${judged.join(' ')}`]
  lines.push(...reached.map(({ name, about, events }) => `  reached ${name}, in ${events} events: ${about}`))
  for (const name of missing) lines.push(`  not reached: ${name}`)
  const shown = reached.find(({ name }) => name === witness)
  if (shown !== undefined) lines.push('', shown.transcript)
  if (broken !== null)
    lines.push(`  broken, in ${broken.events} events: ${broken.message}`, '', broken.transcript)
  if (verdict === 'holds') lines.push(`  holds: every schedule was tried, ${stats.states} states`)
  return lines
}

/** A link to the failing schedule; empty when nothing broke. */
export async function linkLines({ broken }: Pick<CheckReport, 'broken'>): Promise<string[]> {
  return broken === null ? [] : [`In the playground: ${await playgroundLink(broken.transcript)}`]
}

function complaintOf({ verdict, stats, broken, missing }: CheckReport): string {
  switch (verdict) {
    case 'broken':
      return broken?.message ?? ''
    case 'unreached':
      return `nothing broke, but this was not reached: ${missing.join(', ')}`
    case 'unfinished':
      return `stopped at ${stats.states} states: nothing broke so far, and not everything was tried`
    case 'holds':
      return ''
  }
  verdict satisfies never
}
