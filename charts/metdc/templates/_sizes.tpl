{{- /* What the embedded NATS server holds, and in what. Sizes are bytes. */ -}}

{{- /* What JetStream may hold. It counts trades as they are, before s2 makes a third of them: nine tenths of the volume, which they
then never fill. */ -}}
{{- define "metdc.nats.maxFileStore" -}}
{{- with .Values.nats.embedded -}}
{{- if .maxFileStore -}}
{{- include "metdc.bytes" .maxFileStore -}}
{{- else -}}
{{- mul (div (include "metdc.bytes" .storage.size | int64) 10) 9 -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What is not for trades: the stream METDC_EVENTS reserves 256 MiB, the bucket of captures 512; those of health, lists and proofs stay below 128. */ -}}
{{- define "metdc.nats.others" -}}
{{- mul 896 1048576 -}}
{{- end -}}

{{- /* maxBytes of each stream of trades that says nothing: an equal part of what is left, in whole MiB. */ -}}
{{- define "metdc.stream.bytes" -}}
{{- if .Values.collectors.stream.maxBytes -}}
{{- include "metdc.bytes" .Values.collectors.stream.maxBytes -}}
{{- else -}}
{{- $left := sub (include "metdc.nats.maxFileStore" . | int64) (include "metdc.nats.others" . | int64) -}}
{{- mul (div (div $left (.Values.nats.embedded.streams | int64)) 1048576) 1048576 -}}
{{- end -}}
{{- end -}}

{{- /* Go's own bound: four fifths of the container's, so that it collects garbage before the kernel ends it. */ -}}
{{- define "metdc.nats.goMemLimit" -}}
{{- mul (div (include "metdc.bytes" .Values.nats.embedded.memory | int64) 5) 4 -}}
{{- end -}}

{{- /* What the server needs: itself, caches and connections 128 MiB, and up to 480 bytes for each message id in the window. */ -}}
{{- define "metdc.nats.memoryNeeded" -}}
{{- $ids := mul (.Values.nats.embedded.tradesPerSecond | int64) (include "metdc.seconds" .Values.collectors.stream.duplicateWindow | int64) -}}
{{- add (mul 128 1048576) (mul 480 $ids) -}}
{{- end -}}

{{- define "metdc.mib" -}}
{{- printf "%dMi" (div (int64 .) 1048576) -}}
{{- end -}}

{{- /* Ends the rendering where values contradict each other; each message says what to change. */ -}}
{{- define "metdc.validate" -}}
{{- $embedded := .Values.nats.embedded -}}
{{- $external := .Values.nats.external -}}
{{- if and $embedded.enabled $external.urls -}}
{{- fail "nats.external.urls names a server, and nats.embedded.enabled is true: set it to false, or take the urls out" -}}
{{- end -}}
{{- if not (or $embedded.enabled $external.urls) -}}
{{- fail "there is no NATS: name one in nats.external.urls, or set nats.embedded.enabled to true" -}}
{{- end -}}
{{- if and $external.credentials $external.credentialsSecret -}}
{{- fail "nats.external has both credentials and credentialsSecret: leave one of them out" -}}
{{- end -}}
{{- if $embedded.enabled -}}
{{- include "metdc.validate.sizes" . -}}
{{- end -}}
{{- end -}}

{{- define "metdc.validate.sizes" -}}
{{- $embedded := .Values.nats.embedded -}}
{{- if gt (.Values.collectors.stream.replicas | int) 1 -}}
{{- fail "collectors.stream.replicas is above 1, and the embedded NATS is a single server: use one of several by nats.external.urls" -}}
{{- end -}}
{{- $volume := include "metdc.bytes" $embedded.storage.size | int64 -}}
{{- $store := include "metdc.nats.maxFileStore" . | int64 -}}
{{- if gt $store (mul $volume 2) -}}
{{- fail (printf "nats.embedded.maxFileStore (%s) is more than twice nats.embedded.storage.size (%s), and on disk trades are a third of what it counts: raise the volume or lower the store" (include "metdc.mib" $store) (include "metdc.mib" $volume)) -}}
{{- end -}}
{{- $each := include "metdc.stream.bytes" . | int64 -}}
{{- if lt $each (mul 64 1048576) -}}
{{- fail (printf "nats.embedded.storage.size leaves %s for each of %d streams, and less than 64Mi is of no use: raise it, or lower nats.embedded.streams" (include "metdc.mib" $each) ($embedded.streams | int)) -}}
{{- end -}}
{{- $wanted := add (mul $each ($embedded.streams | int64)) (include "metdc.nats.others" . | int64) -}}
{{- if gt $wanted $store -}}
{{- fail (printf "%d streams of %s (collectors.stream.maxBytes) and 896Mi for events and buckets are %s, more than the %s of the NATS server's store: raise nats.embedded.storage.size or lower maxBytes" ($embedded.streams | int) (include "metdc.mib" $each) (include "metdc.mib" $wanted) (include "metdc.mib" $store)) -}}
{{- end -}}
{{- $needed := include "metdc.nats.memoryNeeded" . | int64 -}}
{{- $limit := include "metdc.nats.goMemLimit" . | int64 -}}
{{- if gt $needed $limit -}}
{{- fail (printf "nats.embedded.memory gives the server %s (four fifths of it); %d trades a second for %s (collectors.stream.duplicateWindow) need %s: raise memory, or lower tradesPerSecond or the window" (include "metdc.mib" $limit) ($embedded.tradesPerSecond | int) .Values.collectors.stream.duplicateWindow (include "metdc.mib" $needed)) -}}
{{- end -}}
{{- end -}}
