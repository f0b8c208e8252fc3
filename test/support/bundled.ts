/** Programs of tests, for processes that many tests start: to compile one in each process takes most of its time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { buildSync } from 'esbuild'

/** Compiles a program and all that it imports. Returns the path of a file that Node.js runs; it is removed when this process ends. */
export function bundled(program: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-program-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const outfile = join(folder, basename(program).replace(/\.ts$/, '.mjs'))
  buildSync({
    entryPoints: [program],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  return outfile
}
