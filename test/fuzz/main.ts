/**
 * `npm run fuzz`: a million datagrams that nobody honest sends, at a cluster under honest load. Prints the seed first, and
 * what was seen; ends with 1 when something does not hold. `--seed N`, `--datagrams N`, `--minutes N`.
 */

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { fuzz, mb } from './fuzz.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    datagrams: { type: 'string', default: '1000000' },
    minutes: { type: 'string', default: '60' },
  },
})

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function number(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  process.stderr.write(`fuzz: --${name} must be a whole number; received ${text}\n`)
  process.exit(2)
}

const seed = values.seed === undefined ? randomInt(2 ** 31) : number('seed', values.seed)
print(`seed ${seed}`)
let lastSecond = 0
const beganMs = performance.now()
const report = await fuzz({
  seed,
  datagrams: number('datagrams', values.datagrams),
  limitMs: number('minutes', values.minutes) * 60_000,
  growthBytes: 512 * 1_048_576,
  patienceMs: 60_000,
  progress: (line) => {
    const second = Math.floor((performance.now() - beganMs) / 10_000)
    if (second === lastSecond) return
    lastSecond = second
    print(line)
  },
})
const { sent, seconds, sentByKind, memory, dropped, seenTypes, installed, honest, faults } = report
print(
  `sent ${sent} datagrams in ${seconds.toFixed(0)} s, ${Math.round(sent / seconds)} a second: ${JSON.stringify(sentByKind)}`,
)
print(`types seen on the wire: ${seenTypes.join(' ')}`)
print(`installed from snapshots: ${installed} times`)
for (const [id, { before, most, after }] of memory.entries()) {
  print(`server ${id}: memory ${mb(before)} MB before, ${mb(most)} at most, ${mb(after)} after`)
  print(`server ${id}: ${JSON.stringify(dropped[id])}`)
}
print(
  `honest clients: ${honest.answered} answered; alone ${JSON.stringify(honest.calm)}; beside it ${JSON.stringify(honest.fuzzed)}; longest ${Math.round(honest.longestMs)} ms`,
)
for (const fault of faults) print(`FAULT: ${fault}`)
print(faults.length === 0 ? 'nothing was lost' : `repeat it with --seed ${seed}`)
process.exit(faults.length === 0 ? 0 : 1)
