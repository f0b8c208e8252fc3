import { readFileSync } from 'node:fs'

interface Package {
  readonly name?: unknown
  readonly version?: unknown
}

/** The version of this package, from its `package.json`. */
export function packageVersion(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const { name, version } = readPackage(folder)
    if (name === 'paxos-made-simpler' && typeof version === 'string') return version
    if (folder.pathname === '/')
      throw new Error('the package.json of paxos-made-simpler is missing: install the package again')
  }
}

function readPackage(folder: URL): Package {
  try {
    return JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'))
  } catch {
    return {}
  }
}
