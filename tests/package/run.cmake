# Install to a folder, build a program against it twice, run both. Variables: BUILD, GENERATOR, WORK, CC, CXX.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nexpected exit code 0, found ${result}\n${output}")
  endif()
endfunction()

set(here ${CMAKE_CURRENT_LIST_DIR})
set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${here} -B ${WORK}/found -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_C_COMPILER=${CC}
  -D CMAKE_CXX_COMPILER=${CXX})
run(${CMAKE_COMMAND} --build ${WORK}/found)
run(${WORK}/found/uses_shared)
run(${WORK}/found/uses_static)

# The prefix is written into assay.pc when configuring; --define-variable says where this copy is.
file(GLOB_RECURSE pc ${prefix}/*/assay.pc)
get_filename_component(pc_dir ${pc} DIRECTORY)
get_filename_component(lib_dir ${pc_dir} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})
execute_process(COMMAND pkg-config --define-variable=prefix=${prefix} --cflags --libs assay
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
run(${CC} ${here}/uses.c ${flags} -Wl,-rpath,${lib_dir} -o ${WORK}/uses_pc)
run(${WORK}/uses_pc)
run(${prefix}/bin/assay --version)
