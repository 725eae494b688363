# longcall in a container: over stdio, or over HTTP with `serve --http --host 0.0.0.0`. docs/packages.md tells how to run it.
FROM python:3.13-slim AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/longcall
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /source
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY server server
COPY tools tools
# Compiled here, since who runs it may not write there; not editable, since the sources stay behind.
RUN uv sync --frozen --no-dev --no-editable --compile-bytecode

FROM python:3.13-slim
RUN useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin longcall \
    && install --directory --owner=longcall --group=longcall --mode=0700 /data
COPY --from=build /opt/longcall /opt/longcall
# Its home is the folder it starts in, which calls may never read or write files in: the store is there.
ENV PATH=/opt/longcall/bin:$PATH HOME=/data LONGCALL_HOME=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8020
ENTRYPOINT ["longcall"]
