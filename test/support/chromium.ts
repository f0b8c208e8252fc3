/**
 * A Chromium for the tests of the inspector's page: the one that `PAXOS_CHROMIUM` names, and no other; else the one that ships
 * inside the npm package `@sparticuz/chromium` (Linux, x64), else the system's. Nothing is downloaded.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'

/** A browser that runs, or why there is none. */
export type Found =
  | { readonly browser: Browser; readonly reason: null }
  | { readonly browser: null; readonly reason: string }

interface Candidate {
  readonly name: string
  /** `null` when there is none of this kind. */
  readonly program: () => Promise<Program | null>
}

interface Program {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
}

const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const systemPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

const fontFolders = ['/usr/share/fonts', '/usr/local/share/fonts', '/System/Library/Fonts']

const candidates: readonly Candidate[] = [
  {
    name: '@sparticuz/chromium',
    program: async () => {
      const folder = await extracted()
      return folder === null ? null : { path: join(folder, 'chromium'), env: fontsOf(folder) }
    },
  },
  {
    // The libraries that a bare machine lacks ship in the package too.
    name: '@sparticuz/chromium with its own libraries',
    program: async () => {
      const folder = await extracted()
      if (folder === null) return null
      const env = { ...fontsOf(folder), LD_LIBRARY_PATH: join(folder, 'al2023/lib') }
      return { path: join(folder, 'chromium'), env }
    },
  },
  ...systemPaths.map((path) => ({
    name: path,
    program: async () => (existsSync(path) ? { path, env: {} } : null),
  })),
]

/** Starts the first browser that starts. The caller closes it. */
export async function startChromium(): Promise<Found> {
  const failures: string[] = []
  const named = process.env.PAXOS_CHROMIUM
  const tried: readonly Candidate[] =
    named === undefined
      ? candidates
      : [{ name: 'PAXOS_CHROMIUM', program: async () => ({ path: named, env: {} }) }]
  for (const { name, program } of tried) {
    try {
      const found = await program()
      if (found === null) continue
      const env = { ...definedEnv(), ...found.env }
      const browser = await chromium.launch({ executablePath: found.path, args, env })
      return { browser, reason: null }
    } catch (error) {
      failures.push(`${name}: ${firstLine(error)}`)
    }
  }
  const reason =
    failures.join('; ') || 'none ships for this system, and none is installed: set PAXOS_CHROMIUM'
  return { browser: null, reason }
}

/**
 * The folder that the npm package's Chromium is extracted to, once a version, for all tests and all workers; `null` where
 * the package has none for this machine. It is made under another name, so that it is there as a whole or not at all.
 */
async function extracted(): Promise<string | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null
  const version = await shippedVersion()
  if (version === null) return null
  const folder = join(tmpdir(), `paxos-test-chromium-${version}`)
  if (existsSync(folder)) return folder
  const made = await mkdtemp(`${folder}.`)
  try {
    await extractInto(made)
    // The one that ships names folders of another machine.
    await writeFile(
      join(made, 'fonts/fonts.conf'),
      `<?xml version="1.0"?><fontconfig><dir>${join(folder, 'fonts')}</dir></fontconfig>`,
    )
    await rename(made, folder)
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    // Another worker was first.
    if (!existsSync(folder)) throw error
  }
  return folder
}

async function shippedVersion(): Promise<string | null> {
  try {
    const main = createRequire(import.meta.url).resolve('@sparticuz/chromium')
    const manifest = join(dirname(main), '../../package.json')
    return (JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version
  } catch {
    return null
  }
}

/** The package extracts into the folder for temporary files, so it does that in a process that has another one. */
async function extractInto(folder: string): Promise<void> {
  const program = "import chromium from '@sparticuz/chromium'; await chromium.executablePath()"
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    // It takes itself to be at the place that it was made for, and brings the libraries along that are missing there.
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
  })
}

/** On a machine without fonts, those that ship in the package. */
function fontsOf(folder: string): Readonly<Record<string, string>> {
  return fontFolders.some((fonts) => existsSync(fonts)) ? {} : { FONTCONFIG_PATH: join(folder, 'fonts') }
}

function definedEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
