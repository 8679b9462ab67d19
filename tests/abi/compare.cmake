# Compile types.c and hold it to the baseline. Variables: CC, ABIDIFF (empty: not there), INCLUDE, WORK, MACHINE; CHANGED: expect a difference.
# The baseline is made anew, when a new major has been decided on, by `bash tests/abi/write_baseline` in the source folder.
if(NOT ABIDIFF OR NOT CC)
  message("skipped: gcc and abidiff are needed (Debian: abigail-tools)")
  return()
endif()
if(NOT MACHINE STREQUAL "x86_64")
  message("skipped: the baseline is that of x86_64, this is ${MACHINE}")
  return()
endif()
set(here ${CMAKE_CURRENT_LIST_DIR})
file(MAKE_DIRECTORY ${WORK})
set(defines)
if(CHANGED)
  set(defines -DABI_CHANGED)
endif()
execute_process(COMMAND ${CC} -std=c17 -g -gdwarf-4 -O0 -shared -fPIC -fvisibility=hidden ${defines} -I${INCLUDE} ${here}/types.c
  -o ${WORK}/libtypes.so COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${ABIDIFF} --no-show-locs ${here}/plugin.abi ${WORK}/libtypes.so RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(CHANGED)
  # Bit 4: the ABI has changed; 1 and 2 would be errors of abidiff itself.
  math(EXPR errors "${result} & 3")
  if(result EQUAL 0 OR NOT errors EQUAL 0 OR NOT output MATCHES "n_chosen")
    message(FATAL_ERROR "expected abidiff to refuse the added field n_chosen, found exit code ${result}\n${output}")
  endif()
elseif(NOT result EQUAL 0)
  message(FATAL_ERROR "assay/plugin.h: expected the layout of tests/abi/plugin.abi, found another: plugins that were built before would break; "
    "append fields to structs with struct_size in a minor version, or begin a new major\n${output}")
endif()
