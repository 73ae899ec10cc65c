import { Button } from '@mantine/core'
import { IconBandage } from '@tabler/icons-react'
import { t } from '../i18n'
import { Empty } from '../ui/states'

/** In the place of a view whose code failed; the rest of the page goes on. */
export function Broken({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <div role="alert">
      <Empty
        icon={<IconBandage size={32} stroke={1.5} />}
        title={t('state.broken')}
        action={
          <Button variant="default" onClick={reset}>
            {t('common.retry')}
          </Button>
        }
      >
        <p>{t('state.brokenText')}</p>
        <p className="small">{error instanceof Error ? error.message : String(error)}</p>
      </Empty>
    </div>
  )
}
