import { randomInt } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { recordingHead } from '../inspect/records/record-lines.ts'
import { drawPlan, type PlanOptions } from '../simulator/draw-plan.ts'
import { type FaultKind, faultKinds, type Plan } from '../simulator/plan.ts'
import { formatPlan, parsePlan } from '../simulator/plan-file.ts'
import type { RunFailure } from '../simulator/run-report.ts'
import { runSeries } from '../simulator/series.ts'
import { type Shrunk, shrink } from '../simulator/shrink.ts'
import { missedIn, runsThatMeetAll, type Situation } from '../simulator/situations.ts'
import { nothingRun, type Total, withRun } from '../simulator/total.ts'
import { runWithCodec } from '../simulator/wire.ts'
import { privateFile } from '../storage/permissions.ts'
import { linkFragment } from '../transcript/link.ts'
import { jepsenHistory, porcupineHistory } from '../verify/export.ts'
import { exitCodes, Failure, wrongUse } from './exit-codes.ts'
import { jsonOption, wholeNumber } from './options.ts'
import { print, printJson, shellCommand } from './output.ts'
import { Progress } from './progress.ts'
import { formatFailure, formatTotal, type SeriesResult } from './simulate-report.ts'

export interface Shard {
  readonly index: number
  readonly count: number
}

interface Flags {
  readonly seed?: number
  readonly runs: number
  readonly nodes?: number
  readonly faults?: readonly FaultKind[]
  readonly jobs: number
  readonly shard?: Shard
  readonly plan?: string
  readonly save?: string
  readonly history?: string
  readonly inspect?: string
  readonly shrink: boolean
  readonly json?: boolean
}

/** Seeds are whole numbers below this. */
const seedLimit = 2 ** 31
/** The most failing runs of a series that are shrunk and reported. */
const mostFailures = 3

export function addSimulateCommand(program: Command): void {
  program
    .command('simulate')
    .description('run whole clusters in virtual time, with faults from a seed, and check the invariants')
    .addOption(
      new Option('--seed <n>', 'the first seed; random if left out').argParser(wholeNumber(0, seedLimit - 1)),
    )
    .addOption(
      new Option('--runs <n>', 'run this many seeds, from --seed on')
        .argParser(wholeNumber(1, 1e9))
        .default(1),
    )
    .addOption(
      new Option(
        '--nodes <n>',
        'the number of servers that found each cluster; varied if left out',
      ).argParser(wholeNumber(1, 9)),
    )
    .addOption(
      new Option(
        '--faults <A,B,C>',
        `what may go wrong, of: ${faultKinds.join(', ')}; all if left out`,
      ).argParser(parseFaults),
    )
    .addOption(
      new Option('--jobs <n>', 'spread the runs over this many threads')
        .argParser(wholeNumber(1, 256))
        .default(1),
    )
    .addOption(
      new Option('--shard <i/n>', 'run only part i, from 0, of n parts of the seeds').argParser(parseShard),
    )
    .addOption(
      new Option('--plan <file>', 'run the plan in the file instead').conflicts([
        'seed',
        'nodes',
        'faults',
        'shard',
        'runs',
        'jobs',
      ]),
    )
    .addOption(new Option('--save <file>', 'write the plan that fails, shrunk, to the file'))
    .addOption(
      new Option(
        '--history <file>',
        'write what the clients of the one run saw: for Jepsen to FILE.edn, for Porcupine to FILE.jsonl',
      ).argParser(parseHistoryFile),
    )
    .addOption(
      new Option(
        '--inspect <file>',
        'write what the servers of the one run did, shrunk when it fails, for the inspector, in a new file',
      ),
    )
    .addOption(new Option('--no-shrink', 'do not look for a smaller plan that fails'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The same seed gives the same run on every machine. Exits with 0 when every invariant held. Otherwise prints what failed, where,
and the command that runs it again, and exits with 1. A series of ${runsThatMeetAll} runs or more with every fault also exits with 1
when one of the expected situations never occurred.`,
    )
    .action(simulate)
}

async function simulate(flags: Flags): Promise<void> {
  if (flags.history !== undefined && flags.runs > 1) {
    throw wrongUse(`--history ${flags.history} holds the history of one run: leave out --runs ${flags.runs}`)
  }
  if (flags.inspect !== undefined && flags.runs > 1) {
    throw wrongUse(`--inspect ${flags.inspect} holds the records of one run: leave out --runs ${flags.runs}`)
  }
  // Check before the run, so that nobody waits for a recording that cannot be written.
  if (flags.inspect !== undefined && existsSync(flags.inspect)) {
    throw new Failure(`--inspect ${flags.inspect} exists already: give a new file`)
  }
  const result = flags.plan === undefined ? await simulateSeeds(flags) : simulatePlan(flags, flags.plan)
  if (flags.json) printJson(result)
  else {
    for (const failed of result.failures) {
      print(formatFailure(failed))
      const plan = failed.shrunk?.plan ?? planOf(flags, failed.seed)
      print(`  in the playground: ${await planLink(plan)}`)
    }
    print(formatTotal(result))
  }
  if (flags.history !== undefined) writeHistory(flags.history, planOf(flags, result.seed))
  if (flags.inspect !== undefined) {
    const shrunk = result.failures[0]?.shrunk
    writeRecording(flags.inspect, shrunk?.plan ?? planOf(flags, result.seed))
    if (!flags.json)
      print(
        `written to ${flags.inspect}; to look at it: ${inspectCommand(flags.inspect)}, or open it in the playground`,
      )
  }
  if (result.failed > 0 || result.missed.length > 0) process.exitCode = exitCodes.failed
}

/** The plan of the single run. */
function planOf(flags: Flags, seed: number): Plan {
  return flags.plan === undefined ? drawPlan(seed, planOptions(flags)) : readPlan(flags.plan)
}

function planOptions({ nodes, faults }: Flags): PlanOptions {
  return {
    ...(nodes === undefined ? {} : { servers: nodes }),
    ...(faults === undefined ? {} : { faults }),
  }
}

async function simulateSeeds(flags: Flags): Promise<SeriesResult> {
  const { runs, jobs, shard } = flags
  const first = flags.seed ?? randomInt(seedLimit - runs)
  if (first + runs > seedLimit) {
    throw wrongUse(
      `--seed ${first} leaves too few seeds for --runs ${runs}: the last one is ${seedLimit - 1}`,
    )
  }
  const seeds = seedsOf(first, runs, shard)
  if (!flags.json) print(`seed ${first}${runs > 1 ? `, ${seeds.length} runs` : ''}`)
  const plan = planOptions(flags)
  const progress = new Progress(seeds.length)
  let total = nothingRun
  const failing: { readonly seed: number; readonly failure: RunFailure }[] = []
  const beganMs = performance.now()
  try {
    await runSeries({
      seeds,
      plan,
      jobs,
      ran(seed, report) {
        total = withRun(total, report)
        if (report.failure !== null) failing.push({ seed, failure: report.failure })
        progress.advance(total.runs, failing.length)
      },
    })
  } finally {
    progress.end()
  }
  const tookMs = performance.now() - beganMs
  failing.sort((a, b) => a.seed - b.seed)
  const failures = failing.slice(0, mostFailures).map(({ seed, failure }, index) => ({
    seed,
    failure,
    again: `paxos simulate --seed ${seed}${planWords(flags)}`,
    ...smaller(drawPlan(seed, plan), failure, flags, index),
  }))
  return { seed: first, failed: failing.length, failures, missed: missedBy(flags, total), total, tookMs }
}

/** The situations that a long series with all faults and sizes did not contain. */
function missedBy({ nodes, faults }: Flags, total: Total): readonly Situation[] {
  const isWhole = nodes === undefined && faults === undefined && total.runs >= runsThatMeetAll
  return isWhole ? missedIn(total.counts) : []
}

function simulatePlan(flags: Flags, file: string): SeriesResult {
  const plan = readPlan(file)
  if (!flags.json) print(`seed ${plan.seed}, the plan in ${file}`)
  const beganMs = performance.now()
  const report = runWithCodec(plan)
  const total = withRun(nothingRun, report)
  const tookMs = performance.now() - beganMs
  const { failure } = report
  if (failure === null) return { seed: plan.seed, failed: 0, failures: [], missed: [], total, tookMs }
  const again = shellCommand(['paxos', 'simulate', '--plan', file])
  const failures = [{ seed: plan.seed, failure, again, ...smaller(plan, failure, flags, 0) }]
  return { seed: plan.seed, failed: 1, failures, missed: [], total, tookMs }
}

/** Shrinks the plan, and writes the result of the first failure to a file. */
function smaller(
  plan: Plan,
  failure: RunFailure,
  flags: Pick<Flags, 'shrink' | 'save'>,
  index: number,
): { readonly shrunk: Shrunk | null; readonly saved: string | null } {
  const shrunk = flags.shrink
    ? shrink(plan, failure, (smallerPlan) => runWithCodec(smallerPlan).failure)
    : null
  const saved = index === 0 ? (flags.save ?? null) : null
  if (saved !== null) writePlan(saved, shrunk?.plan ?? plan)
  return { shrunk, saved }
}

function readPlan(file: string): Plan {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure(`--plan ${file} cannot be read: ${(error as Error).message}`)
  }
  try {
    return parsePlan(text)
  } catch (error) {
    throw new Failure(
      `--plan ${file} is not a plan of the simulator, as --save writes it: ${(error as Error).message}`,
    )
  }
}

function writePlan(file: string, plan: Plan): void {
  writeOrFail('--save', file, formatPlan(plan))
}

/** Runs the plan again, with the same result, and writes the history of its clients. */
function writeHistory(file: string, plan: Plan): void {
  const format = file.endsWith('.edn') ? jepsenHistory : porcupineHistory
  runWithCodec(plan, { ended: (operations) => writeOrFail('--history', file, format(operations)) })
}

/** Runs the plan again, and writes the records for the inspector, one a line. */
function writeRecording(file: string, plan: Plan): void {
  const lines = [`${recordingHead}\n`]
  runWithCodec(plan, { recorded: (record) => lines.push(`${JSON.stringify(record)}\n`) })
  writeOrFail('--inspect', file, lines.join(''))
}

/** The fragment of a link with which the playground runs the plan. */
function planLink(plan: Plan): Promise<string> {
  return linkFragment({ schedule: null, at: null, seed: null, plan: JSON.stringify(plan) })
}

function inspectCommand(file: string): string {
  return shellCommand(['paxos', 'inspect', file])
}

function writeOrFail(option: string, file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: privateFile })
  } catch (error) {
    throw new Failure(`${option} ${file}: ${(error as Error).message}`)
  }
}

/** The seeds of a series, or of its shard. */
export function seedsOf(
  first: number,
  runs: number,
  { index, count }: Shard = { index: 0, count: 1 },
): number[] {
  return Array.from({ length: runs }, (_, offset) => first + offset).filter(
    (_, offset) => offset % count === index,
  )
}

function planWords({ nodes, faults }: Flags): string {
  return `${nodes === undefined ? '' : ` --nodes ${nodes}`}${faults === undefined ? '' : ` --faults ${faults.join()}`}`
}

/** Kinds of faults, with commas between. */
export function parseFaults(value: string): FaultKind[] {
  return value.split(',').map((word) => {
    const kind = faultKinds.find((known) => known === word)
    if (kind === undefined)
      throw new InvalidArgumentError(`Give some of ${faultKinds.join(', ')}, with commas between.`)
    return kind
  })
}

function parseHistoryFile(value: string): string {
  if (/\.(edn|jsonl)$/.test(value)) return value
  throw new InvalidArgumentError('Give a name that ends in .edn, for Jepsen, or in .jsonl, for Porcupine.')
}

/** `i/n`, counted from 0. */
export function parseShard(value: string): Shard {
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(value) ?? []
  const shard = { index: Number(index), count: Number(count) }
  if (index === undefined || shard.index >= shard.count) {
    throw new InvalidArgumentError('Give i/n, such as 0/16: part i, from 0, of n parts.')
  }
  return shard
}
