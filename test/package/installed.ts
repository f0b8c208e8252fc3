/** The package as a program finds it in `node_modules`, compiled into a folder of its own. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const require = createRequire(import.meta.url)
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc')
const run = promisify(execFile)

/**
 * A folder for a program, with the package in its `node_modules`. It lies in the repository's `node_modules`, so what the package depends
 * on is found there. The caller removes it.
 */
export async function installed(): Promise<string> {
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'paxos-program-'))
  const inside = packageIn(folder)
  await mkdir(inside, { recursive: true })
  await cp(join(root, 'package.json'), join(inside, 'package.json'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  const args = ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(inside, 'dist')]
  await run(process.execPath, [tsc, ...args], { cwd: root })
  return folder
}

export function packageIn(folder: string): string {
  return join(folder, 'node_modules/paxos-made-simpler')
}

const strict = {
  target: 'es2022',
  module: 'nodenext',
  moduleResolution: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  outDir: 'out',
}

/** For a program that imports Node.js. Under `exactOptionalPropertyTypes` the types of Node.js do not agree with each other. */
export const withNode = { ...strict, types: ['node'], skipLibCheck: true }

/** As strict as TypeScript can be: the declarations of the package are checked too. */
export const withoutNode = { ...strict, types: [], lib: ['es2022', 'dom'], skipLibCheck: false }

/** Compiles the programs `files` of `folder` into its folder `out`. Throws with what TypeScript reports. */
export async function compilePrograms(
  folder: string,
  files: readonly string[],
  compilerOptions: object,
): Promise<void> {
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  try {
    await run(process.execPath, [tsc, '-p', '.'], { cwd: folder })
  } catch (error) {
    throw new Error((error as { readonly stdout: string }).stdout)
  }
}
