/** The notices of the packages that a bundle has code of. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** A package of which a bundle has code. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  /** Its licence, as its package.json names it. */
  readonly license: string
  /** What stands in its licence and notice files. */
  readonly texts: readonly string[]
}

const noticeFile = /^(licen[cs]e|copying|notice)(\.(md|txt|markdown))?$/i

/**
 * The packages that the inputs of a bundle are from, by name: `inputs` are paths, as in esbuild's metafile, relative to the
 * working directory. Throws an `Error` when a package has no licence file: its code may not be shipped then.
 */
export function bundledPackages(inputs: readonly string[]): readonly BundledPackage[] {
  const folders = new Set(inputs.flatMap((path) => packageFolder(path) ?? []))
  return [...folders]
    .map(readPackage)
    .sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version))
}

/** One text of all notices. */
export function noticesText(packages: readonly BundledPackage[]): string {
  const head = 'This page has code of the following packages, which is under the terms that stand here.\n'
  const parts = packages.map(
    ({ name, version, license, texts }) =>
      `${'-'.repeat(78)}\n${name} ${version} (${license})\n${'-'.repeat(78)}\n\n${texts.map((text) => text.trim()).join('\n\n')}\n`,
  )
  return [head, ...parts].join('\n')
}

/** `/project/node_modules/@sinclair/typebox` of a file in it; `null` for a file of the project's own. */
function packageFolder(path: string): string | null {
  const found = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(resolve(path))
  return found?.[1] ?? null
}

function readPackage(folder: string): BundledPackage {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const texts = readdirSync(folder)
    .filter((file) => noticeFile.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
  if (texts.length === 0) {
    throw new Error(`${folder} has no licence file: the page may not be shipped with its code`)
  }
  return { name, version, license: typeof license === 'string' ? license : 'see below', texts }
}
