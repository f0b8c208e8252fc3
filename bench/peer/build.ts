/** `npm run bench -- --against DIR`: this build beside the build of another version in `DIR`. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BenchOptions } from '../options.ts'
import { type ComparedLoad, compare } from './compare.ts'
import { startSide } from './side.ts'

const loads: readonly ComparedLoad[] = [
  { requests: 'pairs', outstanding: 1 },
  { requests: 'pairs', outstanding: 64 },
  { requests: 'pairs', outstanding: 256 },
  { requests: 'pairs', outstanding: 1_024 },
  { requests: 'put', outstanding: 256 },
]

/** Throws an `Error` when the other directory has no build with this benchmark. */
export async function compareBuilds(directory: string, options: BenchOptions): Promise<void> {
  const programs = resolve(options.against, 'dist/bench/processes')
  if (!existsSync(join(programs, 'server-process.js'))) {
    throw new Error(`--against: there is no ${programs}; run \`npm run build\` in ${options.against}`)
  }
  const sides = await Promise.all([
    startSide('this', join(directory, 'this')),
    startSide('other', join(directory, 'other'), pathToFileURL(`${programs}/`)),
  ])
  await compare(sides, loads, options)
  await Promise.all(sides.map((side) => side.stop()))
}
