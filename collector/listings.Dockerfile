# The image of the watcher of listings and of captures, built from the project's root:
#   docker build -f collector/listings.Dockerfile -t metdc/listings:dev .
#
# BASE is any image with Python; it needs no shell and no pip. BUILDER has pip and the same Python, in the same place.
# Every byte follows from the sources, the locks and BASE; docs/images.md says how times are made equal, too.
ARG BUILDER=python:3.13-slim
ARG BASE=python:3.13-slim

FROM $BUILDER AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONHASHSEED=0
COPY requirements/build.txt /build.txt
RUN pip install --no-compile --require-hashes --only-binary=:all: --target=/tools -r /build.txt

FROM builder AS wheel
COPY pyproject.toml README.md LICENSE /source/
COPY crds /source/crds
COPY collector/metdc_collector /source/collector/metdc_collector
COPY operator/metdc_operator /source/operator/metdc_operator
RUN PYTHONPATH=/tools pip wheel --no-deps --no-build-isolation --no-index --wheel-dir=/wheel /source

# What the extra needs, and bytecode of it and of the standard library, apart from the sources: images of Python come
# without, and a read-only one would compile again at every start. nkeys is published as source alone.
FROM builder AS packages
COPY requirements/listings.txt /requirements.txt
RUN PYTHONPATH=/tools pip install --no-compile --require-hashes --no-build-isolation \
    --only-binary=:all: --no-binary=nkeys --target=/opt/metdc/lib -r /requirements.txt && \
    rm -rf /opt/metdc/lib/bin /opt/metdc/lib/pyarrow/tests /opt/metdc/lib/pyarrow/include
ENV PYTHONPYCACHEPREFIX=/opt/metdc/bytecode
RUN python3 -m compileall -q --invalidation-mode=checked-hash \
    -x '/(test|tests|idlelib|lib2to3|turtledemo|tkinter|ensurepip|site-packages|dist-packages)/' \
    "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" /opt/metdc/lib

FROM builder AS project
COPY --from=wheel /wheel /wheel
RUN pip install --no-compile --no-deps --no-index --target=/opt/metdc/lib /wheel/*.whl && rm -rf /opt/metdc/lib/bin
ENV PYTHONPYCACHEPREFIX=/opt/metdc/bytecode
RUN python3 -m compileall -q --invalidation-mode=checked-hash /opt/metdc/lib

FROM $BASE AS listings
ENV PYTHONPATH=/opt/metdc/lib PYTHONPYCACHEPREFIX=/opt/metdc/bytecode PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=packages /opt/metdc /opt/metdc
COPY --from=project /opt/metdc /opt/metdc
WORKDIR /
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "metdc_collector.cli.main"]
