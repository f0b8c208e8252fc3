/** The notices of the packages whose code is in a bundle. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** A package whose code is in a bundle. */
export interface BundledPackage {
  readonly name: string
  readonly version: string
  /** The licence, as named in package.json. */
  readonly license: string
  /** The texts of the licence and notice files. */
  readonly texts: readonly string[]
}

const noticeFile = /^(licen[cs]e|copying|notice)(\.(md|txt|markdown))?$/i

/**
 * The packages of the inputs of a bundle, in order of name. `inputs` are paths relative to the working directory, as in esbuild's
 * metafile. Throws an `Error` when a package has no licence file: then its code must not be distributed.
 */
export function bundledPackages(inputs: readonly string[]): readonly BundledPackage[] {
  const folders = new Set(inputs.flatMap((path) => packageFolder(path) ?? []))
  return [...folders]
    .map(readPackage)
    .sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version))
}

/** The file with the notices of the packages in a bundle. */
export const noticesFile = 'THIRD-PARTY-NOTICES.txt'

/** One text with all notices; `bundle` names the subject of its first sentence. */
export function noticesText(bundle: string, packages: readonly BundledPackage[]): string {
  const head = `${bundle} contains code of the following packages, under the terms below.\n`
  const parts = packages.map(
    ({ name, version, license, texts }) =>
      `${'-'.repeat(78)}\n${name} ${version} (${license})\n${'-'.repeat(78)}\n\n${texts.map((text) => text.trim()).join('\n\n')}\n`,
  )
  return [head, ...parts].join('\n')
}

/** The folder of the package of a file, such as `/project/node_modules/@sinclair/typebox`; `null` for a file of the project. */
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
    throw new Error(`${folder} has no licence file: a bundle must not contain its code`)
  }
  return { name, version, license: typeof license === 'string' ? license : 'see below', texts }
}
