import { IconMessages, IconPlugConnected } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { InboxView } from '../app/router'
import { t } from '../i18n'
import { useChannels } from '../session/queries'
import { useRights } from '../session/session'
import { Empty } from '../ui/states'
import css from './inbox.module.css'

/** The place of the thread while no conversation is open. A hub without channels says what to do first. */
export function NothingOpen({ view }: { view: InboxView }) {
  const channels = useChannels()
  const rights = useRights()
  const fresh = channels.data?.length === 0
  return (
    <section className={css.nothing} aria-label={t('inbox.title', { context: view })}>
      {fresh && rights.channels ? (
        <Empty
          icon={<IconPlugConnected size={36} stroke={1.5} />}
          title={t('inbox.noChannels')}
          action={<Link to="/welcome">{t('inbox.connectFirst')}</Link>}
        >
          {t('inbox.noChannelsText')}
        </Empty>
      ) : (
        <Empty icon={<IconMessages size={36} stroke={1.5} />} title={t('inbox.pick')}>
          {t('inbox.pickText')}
        </Empty>
      )}
    </section>
  )
}
