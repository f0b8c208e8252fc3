/**
 * Puts every fault before every check that is meant for it, and prints a table of which catches which, after how long; as
 * the last row, a cluster without a fault. Ends with 1 when a fault is caught by none, or no fault is caught by one.
 * `npm run mutations -- 'skips helping'` prints instead the schedules with which that fault is caught.
 */
import { mutations } from './all.ts'
import {
  budgets,
  type Caught,
  tryChance,
  tryChecker,
  tryPlan,
  tryProperty,
  trySchedule,
  trySimulator,
} from './checks.ts'
import type { Mutation } from './mutation.ts'
import { type PropertyName, properties } from './properties.ts'
import { type Trial, trialOf, trials } from './trials.ts'
import { type BoundsName, bounds, type WorldName, worlds } from './worlds.ts'

/** What a check made of a fault. */
interface Cell {
  readonly isCaught: boolean
  readonly text: string
}

interface Row {
  readonly name: string
  readonly cells: readonly Cell[]
}

/** So many tries of a kind, the first that finds something counted. */
function cellOf(tries: readonly (() => Caught | null)[]): Cell {
  if (tries.length === 0) return { isCaught: false, text: '' }
  const beganMs = performance.now()
  let caught: Caught | null = null
  for (const attempt of tries) caught ??= attempt()
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1)
  if (caught === null) return { isCaught: false, text: `not in ${seconds} s` }
  return { isCaught: true, text: `${caught.after}: ${caught.broken}; ${seconds} s` }
}

function rowOf(mutation: Mutation, trial: Trial): Row {
  const { bounds: where, world = 'three servers', schedule, property } = trial
  const cells = [
    cellOf(where === undefined ? [] : [() => tryChecker(mutation, where)]),
    cellOf([
      () => (trial.plan === undefined ? null : tryPlan(mutation, trial.plan)),
      () => trySimulator(mutation, trial),
    ]),
    cellOf([() => tryChance(mutation, world)]),
    cellOf(schedule === undefined ? [] : [() => trySchedule(mutation, schedule)]),
    cellOf(property === undefined ? [] : [() => tryProperty(mutation, property)]),
  ]
  return { name: mutation.name, cells }
}

function rowWithoutFault(): Row {
  const none: Mutation = { name: 'no fault', plant: (settings) => settings }
  const plans = Object.values(trials).flatMap(({ plan }) => plan ?? [])
  const schedules = Object.values(trials).flatMap(({ schedule }) => schedule ?? [])
  const cells = [
    cellOf((Object.keys(bounds) as BoundsName[]).map((name) => () => tryChecker(none, name))),
    cellOf([...plans.map((file) => () => tryPlan(none, file)), () => trySimulator(none)]),
    cellOf((Object.keys(worlds) as WorldName[]).map((name) => () => tryChance(none, name))),
    cellOf(schedules.map((file) => () => trySchedule(none, file))),
    cellOf((Object.keys(properties) as PropertyName[]).map((name) => () => tryProperty(none, name))),
  ]
  return { name: none.name, cells }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function printRow({ name, cells }: Row): void {
  print(`| ${[name, ...cells.map(({ text }) => text)].join(' | ')} |`)
}

/** The schedules that show a fault, as each check finds it. */
function show(mutation: Mutation, trial: Trial): void {
  const { bounds: where, world = 'three servers', schedule, property } = trial
  const found = [
    where === undefined ? null : tryChecker(mutation, where),
    trySimulator(mutation, trial),
    tryChance(mutation, world),
    schedule === undefined ? null : trySchedule(mutation, schedule),
    property === undefined ? null : tryProperty(mutation, property),
  ]
  for (const caught of found) if (caught !== null) print(caught.transcript())
}

function printTable(): void {
  print(`| fault | model checker | simulator | schedules of chance | a written schedule | a property test |`)
  print(`| --- | --- | --- | --- | --- | --- |`)
  const rows = mutations.map((mutation) => {
    const row = rowOf(mutation, trialOf(mutation.name))
    printRow(row)
    return row
  })
  const control = rowWithoutFault()
  printRow(control)
  const { states, runs, seeds, cases } = budgets
  print(
    `\nAt most ${states} states a search, ${runs} runs of the simulator, ${seeds} schedules of chance, ${cases} cases of a property test.`,
  )

  const missed = rows.filter(({ cells }) => !cells.some(({ isCaught }) => isCaught))
  for (const { name } of missed) print(`Not caught: ${name}`)
  const isFalseAlarm = control.cells.some(({ isCaught }) => isCaught)
  if (isFalseAlarm) print('Something was caught where there is no fault.')
  if (missed.length > 0 || isFalseAlarm) process.exitCode = 1
}

const [wanted] = process.argv.slice(2)
const named = mutations.find(({ name }) => name === wanted)
if (named !== undefined) show(named, trialOf(named.name))
else if (wanted === undefined) printTable()
else {
  print(`There is no fault "${wanted}". There are:\n${mutations.map(({ name }) => `  ${name}`).join('\n')}`)
  process.exitCode = 1
}
