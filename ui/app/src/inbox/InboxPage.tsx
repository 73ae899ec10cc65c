import { useNavigate } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { type InboxSearch, inboxRoute, rememberView } from '../app/router'
import type { Filter } from '../live/view'
import { useMe } from '../session/session'
import { ConversationPane } from './ConversationPane'
import css from './inbox.module.css'
import { List } from './List'
import { NothingOpen } from './NothingOpen'

export function InboxPage() {
  const { view, conversation } = inboxRoute.useParams()
  const search = inboxRoute.useSearch()
  const me = useMe()
  const navigate = useNavigate()
  const [neighbour, setNeighbour] = useState<string | undefined>()
  const [card, setCard] = useState(false)
  rememberView(view)

  const filter = useMemo<Filter>(
    () => ({ ...search, view, status: search.status ?? 'open', sort: search.sort ?? 'newest' }),
    [search, view],
  )
  const open = useCallback(
    (id: string | undefined) =>
      navigate({
        to: '/inbox/$view/{-$conversation}',
        params: { view, conversation: id },
        search: (s: InboxSearch) => s,
        replace: conversation !== undefined && id !== undefined,
      }),
    [navigate, view, conversation],
  )

  return (
    <div className={css.inbox} data-open={conversation !== undefined || undefined} data-card={card || undefined}>
      <List filter={filter} me={me.id} selected={conversation} onOpen={open} onNeighbour={setNeighbour} />
      {conversation ? (
        <ConversationPane
          key={conversation}
          id={conversation}
          onClose={() => open(undefined)}
          onDone={() => open(neighbour)}
          card={card}
          onCard={setCard}
        />
      ) : (
        <NothingOpen view={view} />
      )}
    </div>
  )
}
