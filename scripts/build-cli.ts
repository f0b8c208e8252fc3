/**
 * Bundles the command line: `tsx scripts/build-cli.ts FOLDER`. A process that loads hundreds of modules one by one needs three
 * times as much CPU time to start.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { bundledPackages, noticesFile, noticesText } from './notices.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Writes `main.js`, the modules that it loads and the notices of the bundled packages into `folder`, and removes what was there. */
export async function buildCli(folder: string): Promise<void> {
  // The modules of an earlier build have other names.
  rmSync(folder, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: root,
    // `src/simulator/series.ts` starts the worker that lies beside it.
    entryPoints: { main: 'src/cli/main.ts', worker: 'src/simulator/worker.ts' },
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // CommonJS packages that load others with `require`, and the optional package.
    external: ['commander', 'pino', 'ws', '@statelyai/inspect'],
    // A separate file has all notices.
    legalComments: 'none',
    banner: { js: `/* Notices of bundled code: ${noticesFile} */` },
    metafile: true,
    logLevel: 'warning',
  })
  const inputs = Object.keys(metafile.inputs).map((path) => join(root, path))
  writeFileSync(join(folder, noticesFile), noticesText('This program', bundledPackages(inputs)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder] = process.argv
  if (folder === undefined) throw new Error('the folder to write into is missing')
  await buildCli(resolve(folder))
}
