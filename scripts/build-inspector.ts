/**
 * Builds the page of the inspector: `tsx scripts/build-inspector.ts [live|playground] FOLDER`. A hub serves the live page. The
 * playground needs no server, and any static host can serve it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { layOutCharts } from '../inspector/charts/layout.ts'
import { bundledPackages, noticesFile, noticesText } from './notices.ts'

export type PageMode = 'live' | 'playground'

const source = fileURLToPath(new URL('../inspector', import.meta.url))

/** Bundles only the commands and comments of a transcript. The page computes the happenings again. */
const transcripts: Plugin = {
  name: 'transcripts',
  setup({ onLoad }) {
    onLoad({ filter: /\.txt$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => /^\S/.test(line))
        .join('\n'),
      loader: 'text',
    }))
  },
}

/** Lays the charts out at build time, so that no page has to do it. Places to a hundredth of a pixel suffice, and keep the page small. */
const chartLayout: Plugin = {
  name: 'chart-layout',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]inspector[\\/]charts[\\/]charts\.ts$/ }, async () => {
      const rounded = (_: string, value: unknown) =>
        typeof value === 'number' ? Math.round(value * 100) / 100 : value
      return { contents: `export const charts = ${JSON.stringify(await layOutCharts(), rounded)}` }
    })
  },
}

/** What takes the place of modules of Node.js in the page: the simulated servers there keep their logs with the code of live servers. */
export const modulesOfThePage: Record<string, string> = {
  'node:zlib': join(source, 'crc32.ts'),
  'node:crypto': join(source, 'sha256.ts'),
}

/**
 * Writes `index.html`, `app.js`, `app.css` and the notices of the bundled packages into `folder`. Returns the paths of all bundled
 * files.
 */
export async function buildPage(mode: PageMode, folder: string): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true })
  const { metafile } = await build({
    entryPoints: [join(source, 'main.tsx')],
    outfile: join(folder, 'app.js'),
    bundle: true,
    minify: true,
    // A classic script also runs when the page is opened as a file.
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // A separate file has all notices.
    legalComments: 'none',
    banner: { js: `/* Notices of bundled code: ${noticesFile} */` },
    metafile: true,
    alias: modulesOfThePage,
    logLevel: 'warning',
    plugins: [transcripts, chartLayout],
  })
  const html = readFileSync(join(source, 'page.html'), 'utf8')
  writeFileSync(join(folder, 'index.html'), html.replace('MODE', mode))
  const inputs = Object.keys(metafile.inputs)
  writeFileSync(join(folder, noticesFile), noticesText('This page', bundledPackages(inputs)))
  return inputs
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , mode, folder] = process.argv
  if ((mode !== 'live' && mode !== 'playground') || folder === undefined) {
    throw new Error(`the mode is ${mode ?? 'missing'}: give live or playground, and the folder to write into`)
  }
  await buildPage(mode, folder)
}
