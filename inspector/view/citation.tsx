/** The source of a rule, such as `Paxos Made Simple, 2.2; the seed, 2-2`, with links to the web. */

const paperName = 'Paxos Made Simple'
const paperUrl = 'https://lamport.azurewebsites.net/pubs/paxos-simple.pdf'

export function Citation({ text }: { readonly text: string }) {
  const at = text.indexOf(paperName)
  if (at < 0) return <>{text}</>
  return (
    <>
      {text.slice(0, at)}
      <a href={paperUrl} target="_blank" rel="noreferrer">
        {paperName}
      </a>
      {text.slice(at + paperName.length)}
    </>
  )
}
