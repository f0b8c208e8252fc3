/** The options of `npm run bench`. */
import { parseArgs } from 'node:util'

/** The parts of a run without other options, in the order in which they run. */
export const partNames = [
  'floor',
  'requests',
  'reads',
  'idle',
  'holders',
  'spread',
  'loss',
  'failover',
  'hand-off',
  'catch-up',
  'snapshot',
] as const
export type PartName = (typeof partNames)[number]

export type Mode = 'parts' | 'storage' | 'profile' | 'build' | 'etcd' | 'growth'

export interface BenchOptions {
  readonly mode: Mode
  /** The parts to run, for the mode `parts`. */
  readonly parts: readonly PartName[]
  /** The directory of another version, for the mode `build`; otherwise empty. */
  readonly against: string
  /** How many times each measurement is made. */
  readonly rounds: number
  /** How long the load of one measurement runs. */
  readonly seconds: number
  /** The requests of the mode `growth`. */
  readonly requests: number
}

const defaults = { rounds: 5, seconds: 1, requests: 2_000_000 }

function numberIn(name: keyof typeof defaults, given: string | undefined): number {
  if (given === undefined) return defaults[name]
  const value = Number(given)
  const isWhole = name !== 'seconds'
  if (value > 0 && (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value))) return value
  throw new Error(`--${name} must be a ${isWhole ? 'whole ' : ''}number above 0; received '${given}'`)
}

function partsIn(given: string | undefined): readonly PartName[] {
  if (given === undefined) return partNames
  const names = given.split(',')
  const unknown = names.find((name) => !partNames.some((part) => part === name))
  if (unknown === undefined) return partNames.filter((part) => names.includes(part))
  throw new Error(`--only must name some of ${partNames.join(', ')}; received '${unknown}'`)
}

/** Parses the arguments of the command line. Throws an `Error` that names the option and the value. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      requests: { type: 'string' },
      only: { type: 'string' },
      against: { type: 'string' },
      peer: { type: 'string' },
      storage: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
    },
  })
  const { storage, profile, growth, peer, against = '' } = values
  if (peer !== undefined && peer !== 'etcd') throw new Error(`--peer must be etcd; received '${peer}'`)
  const modes: readonly Mode[] = [
    ...(storage ? (['storage'] as const) : []),
    ...(profile ? (['profile'] as const) : []),
    ...(growth ? (['growth'] as const) : []),
    ...(against === '' ? [] : (['build'] as const)),
    ...(peer === undefined ? [] : (['etcd'] as const)),
    ...(values.only === undefined ? [] : (['parts'] as const)),
  ]
  if (modes.length > 1)
    throw new Error('--only, --against, --peer, --storage, --profile and --growth exclude each other')
  return {
    mode: modes[0] ?? 'parts',
    parts: partsIn(values.only),
    against,
    rounds: numberIn('rounds', values.rounds),
    seconds: numberIn('seconds', values.seconds),
    requests: numberIn('requests', values.requests),
  }
}
